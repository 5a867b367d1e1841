# SPDX-License-Identifier: Apache-2.0
"""What the system tests share. They run as root inside a box (tests/system/box) and may do anything there."""
