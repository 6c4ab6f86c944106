"""What every implementation of a port must do, and every fake of one."""
