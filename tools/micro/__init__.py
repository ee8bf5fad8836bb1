"""The generated world of coloured shapes and the micro models that are trained on it and ship with Winnow."""
