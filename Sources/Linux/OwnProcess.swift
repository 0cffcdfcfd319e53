// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

package enum OwnProcess {
    /// That this process may run on.
    package static var processors: Int { max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }

    /// The path of a program in the directory that this one was started from.
    package static func sibling(named name: String) throws(SystemCallError) -> String {
        var path = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        let count = try systemCall("readlink", on: "/proc/self/exe") {
            unsafe readlink("/proc/self/exe", &path, path.count - 1)
        }
        let own = String(decoding: path.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return String(own[..<(own.lastIndex(of: "/") ?? own.startIndex)]) + "/" + name
    }

    /// Gives the system back what the allocator keeps for nobody (malloc_trim(3)): after work that took much of it.
    package static func giveBackMemory() { _ = clinux_malloc_trim() }

    package static func end(status: Int32) -> Never { exit(status) }

    /// Where memory runs out, this process goes before those that hold what others wait for (proc(5)).
    package static func volunteerForTheOutOfMemoryKiller() throws(SystemCallError) {
        let path = "/proc/self/oom_score_adj"
        let file = OpenFile(
            owning: try systemCall("open", on: path) { unsafe open(path, O_WRONLY | O_CLOEXEC) }
        )
        try file.append(Array("1000".utf8))
    }
}
