"""stylefader: ride the style of video like a fader."""
