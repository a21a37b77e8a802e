"""What this machine is: processor, memory, precisions."""
