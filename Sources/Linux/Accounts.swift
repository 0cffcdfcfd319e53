// SPDX-License-Identifier: Apache-2.0
import Glibc

/// The user and group databases (nsswitch.conf(5)). A call may ask a directory server: never on an event
/// loop.
package enum Accounts {
    /// Nil where there is no such group.
    package static func groupID(named name: String) -> UInt32? {
        var entry = unsafe group()
        var found: UnsafeMutablePointer<group>?
        var room = [CChar](repeating: 0, count: initialRoom)
        while true {
            let code = unsafe getgrnam_r(name, &entry, &room, room.count, &found)
            guard code == ERANGE, room.count < maximumRoom else {
                return unsafe code == 0 && found != nil ? unsafe entry.gr_gid : nil
            }
            room = [CChar](repeating: 0, count: room.count * 2)
        }
    }

    /// The user's name; the number where there is none.
    package static func userName(_ uid: UInt32) -> String {
        var entry = unsafe passwd()
        var found: UnsafeMutablePointer<passwd>?
        var room = [CChar](repeating: 0, count: initialRoom)
        let code = unsafe getpwuid_r(uid, &entry, &room, room.count, &found)
        guard code == 0, unsafe found != nil, let name = unsafe entry.pw_name else { return "uid \(uid)" }
        return unsafe String(cString: name)
    }

    /// The group is the user's primary one or lists the user.
    package static func isUser(_ uid: UInt32, memberOf gid: UInt32) -> Bool {
        var entry = unsafe passwd()
        var found: UnsafeMutablePointer<passwd>?
        var room = [CChar](repeating: 0, count: initialRoom)
        while true {
            let code = unsafe getpwuid_r(uid, &entry, &room, room.count, &found)
            if code == 0 { break }
            guard code == ERANGE, room.count < maximumRoom else { return false }
            room = [CChar](repeating: 0, count: room.count * 2)
        }
        guard unsafe found != nil else { return false }
        var groups = [gid_t](repeating: 0, count: maximumGroups)
        var count = Int32(groups.count)
        guard unsafe getgrouplist(entry.pw_name, entry.pw_gid, &groups, &count) >= 0 else { return false }
        return groups.prefix(Int(count)).contains(gid)
    }

    private static let initialRoom = 4096
    /// A group of many thousand members fits.
    private static let maximumRoom = 1 << 20
    /// NGROUPS_MAX of Linux.
    private static let maximumGroups = 65_536
}
