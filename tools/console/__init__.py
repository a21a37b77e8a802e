"""Everything that the program writes to a terminal or a pipe, and how it ends. No other module prints.

`streams`: standard input, output and error, also closed or full ones. `printable`: text that cannot command a
terminal. `messages`: lines for people, results, JSON, tables. `progress`: how far the work is. `status_line`: the line
that a live session rewrites. `pager` and `help`: help page by page. `signals`: Ctrl-C, SIGTERM and a closed terminal.
"""
