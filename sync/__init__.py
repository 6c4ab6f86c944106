"""Passes sealed uploads on: one lane per destination."""
