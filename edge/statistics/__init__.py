"""Scores and their intervals, with numpy alone: the one place they are computed."""
