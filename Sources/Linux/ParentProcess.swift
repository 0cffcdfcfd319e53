// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

package enum ParentProcess {
    /// From now on the end of the thread that started this process sends it SIGTERM (PR_SET_PDEATHSIG,
    /// prctl(2)). Throws ESRCH where the parent is gone already: nobody would send the signal.
    package static func bindLife() throws(SystemCallError) {
        _ = try systemCall("prctl", on: "PR_SET_PDEATHSIG") { clinux_set_parent_death_signal(SIGTERM) }
        if getppid() == 1 { throw SystemCallError(call: "getppid", subject: "supervisor", errno: ESRCH) }
    }
}
