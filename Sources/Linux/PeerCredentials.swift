// SPDX-License-Identifier: Apache-2.0
import CLinux

/// Who connected to a Unix socket, as the kernel saw it at connect(2) (SO_PEERCRED, unix(7)). No later change
/// of the caller's user alters it.
package struct PeerCredentials: Hashable, Sendable {
    package let pid: Int32
    package let uid: UInt32
    package let gid: UInt32

    package init(pid: Int32, uid: UInt32, gid: UInt32) {
        self.pid = pid
        self.uid = uid
        self.gid = gid
    }

    /// Of the other end of a connected Unix stream socket.
    package static func of(_ descriptor: Int32) throws(SystemCallError) -> PeerCredentials {
        var credentials = clinux_credentials()
        _ = try systemCall("getsockopt", on: "SO_PEERCRED") {
            unsafe clinux_peer_credentials(descriptor, &credentials)
        }
        return PeerCredentials(pid: credentials.pid, uid: credentials.uid, gid: credentials.gid)
    }
}
