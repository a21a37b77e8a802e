"""`stylefader live`: its options (`command`), what they ask for (`options`), and the session that plays."""
