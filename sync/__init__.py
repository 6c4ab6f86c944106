"""Passes sealed uploads on: one worker per destination."""
