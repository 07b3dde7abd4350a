"""What is true now: slotted entities, ledgers, the fleet index, address pools. No clock, no dice."""
