"""From the float twin to int8."""
