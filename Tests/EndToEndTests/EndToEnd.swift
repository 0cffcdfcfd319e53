// SPDX-License-Identifier: Apache-2.0
import Testing

/// The release executables beside real peers, one test at a time: each starts its own servers on loopback.
@Suite(
    "End to end",
    .serialized,
    .enabled(if: Bench.hasExecutables, "needs the release executables that Tests/run makes")
)
enum EndToEnd {}
