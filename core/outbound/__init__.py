"""What leaves this machine: usage statistics, turned off, and a record of hosts that are asked."""
