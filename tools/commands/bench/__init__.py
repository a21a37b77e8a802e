"""`stylefader bench`: measurements that end in one JSON line."""
