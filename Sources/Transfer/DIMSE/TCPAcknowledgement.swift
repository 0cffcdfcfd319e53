// SPDX-License-Identifier: Apache-2.0
import Linux
import NIOCore

/// Delayed acknowledgement meets Nagle's algorithm at stock peers: 40 ms for each C-STORE.
enum TCPAcknowledgement {
    /// Acknowledges at once what was read; to be said again after each read.
    static func now(_ channel: any Channel) {
        let option = ChannelOptions.Types.SocketOption(
            level: .tcp,
            name: .init(rawValue: TCPOption.quickAcknowledgement)
        )
        try? channel.syncOptions?.setOption(option, value: 1)
    }
}
