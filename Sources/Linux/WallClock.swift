// SPDX-License-Identifier: Apache-2.0
import Glibc

/// The time of day, as the kernel gives it.
package enum WallClock {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    package static func milliseconds() -> Int64 {
        var now = timespec()
        _ = unsafe clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
    }

    /// Milliseconds since the machine's boot, sleep included (CLOCK_BOOTTIME): nobody sets that clock.
    package static func millisecondsSinceBoot() -> Int64 {
        var now = timespec()
        _ = unsafe clock_gettime(CLOCK_BOOTTIME, &now)
        return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
    }

    /// The day, in UTC.
    package static func day() -> (year: Int, month: Int, day: Int) {
        var seconds = time_t(milliseconds() / 1000)
        var day = unsafe tm()
        _ = unsafe gmtime_r(&seconds, &day)
        return unsafe (Int(day.tm_year) + 1900, Int(day.tm_mon) + 1, Int(day.tm_mday))
    }

    /// How far the machine's time zone is from UTC now, such as "+0100".
    package static func utcOffset() -> String {
        var seconds = time_t(milliseconds() / 1000)
        var local = unsafe tm()
        _ = unsafe localtime_r(&seconds, &local)
        let east = unsafe Int(local.tm_gmtoff)
        let minutes = abs(east) / 60
        func pad(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return (east < 0 ? "-" : "+") + pad(minutes / 60) + pad(minutes % 60)
    }
}
