"""`stylefader evaluate`: look at what a style pack does, and measure it."""
