"""The composition root: the only place where the rooms are joined."""
