"""`python -m stylefader`: the same program as `stylefader`."""

from stylefader.tools.program import main

main()
