"""Network families: what each kind of network is, as far as packs and training must know. One module a family."""
