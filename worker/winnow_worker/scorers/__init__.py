"""Small scorers that are trained on measured columns, and the scores that they give."""
