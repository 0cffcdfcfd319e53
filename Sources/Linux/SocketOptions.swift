// SPDX-License-Identifier: Apache-2.0
import CLinux

/// TCP options (tcp(7)) as the numbers that `setsockopt` takes at level `IPPROTO_TCP`.
package enum TCPOption {
    /// Acknowledge at once. The kernel clears it again, so it is set after each read; without it a peer that
    /// keeps Nagle's algorithm on stalls 40 ms per C-STORE.
    package static let quickAcknowledgement = clinux_TCP_QUICKACK
    /// Hold back partial segments until cleared: a response's part headers travel with the data behind them.
    package static let cork = clinux_TCP_CORK
}
