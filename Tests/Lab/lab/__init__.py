# SPDX-License-Identifier: Apache-2.0
"""Stand-ins for the national record (DMP) and a RIS, for tests. Never shipped; shares no code with the product."""
