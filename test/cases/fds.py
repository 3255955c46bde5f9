#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A process that reads a descriptor that doesn't block is known to from its first read on, and so
is its forked child, whose numbers are other files than its parent's."""
import os
import re
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
