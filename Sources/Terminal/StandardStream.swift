#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Standard output and standard error, unbuffered: what was written is out even when the process is killed a moment later.
///
/// A program whose answer can't be written has failed, whatever it did: it ends with a message and status 74 (`EX_IOERR`). When
/// the reader has closed its end, as `head` does once it has enough, it ends without a word, as by SIGPIPE. What can't be said
/// on standard error is left out: there is no better place to complain.
package enum StandardStream: Int32 {
    case output = 1
    case error = 2

    package static let failureStatus: Int32 = 74

    /// Writes all of `text`; on standard output, or ends the program.
    package func write(_ text: String) {
        var text = text
        let failure = text.withUTF8 { bytes in Self.failure(writing: UnsafeRawBufferPointer(bytes), to: rawValue) }
        if let failure, self == .output { Self.end(by: failure) }
    }

    package func write(line text: String) { write(text + "\n") }

    /// Makes the program end the same way when what others printed can't be written, by its end at the latest.
    package static func checkAtExit() {
        atexit {
            if fflush(nil) != 0 { StandardStream.end(by: errno) }
        }
    }

    /// - Returns: the number of the error, nil when all is written.
    private static func failure(writing bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Int32? {
        var rest = bytes
        while !rest.isEmpty {
            let count = systemWrite(descriptor, rest)
            if count >= 0 {
                rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
            } else if errno == EAGAIN {
                wait(for: descriptor)
            } else if errno != EINTR {
                return errno
            }
        }
        return nil
    }

    /// Somebody has made the terminal non-blocking.
    private static func wait(for descriptor: Int32) {
        var descriptors = [pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)]
        poll(&descriptors, 1, -1)
    }

    private static func end(by failure: Int32) -> Never {
        if failure == EPIPE {
            signal(SIGPIPE, SIG_DFL)
            raise(SIGPIPE)
        }
        let program = CommandLine.arguments.first?.split(separator: "/").last ?? ""
        error.write(line: "\(program): standard output can't be written: \(String(cString: strerror(failure)))")
        _exit(failureStatus)
    }
}

/// Under its own name it would be the method that calls it.
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    write(descriptor, bytes.baseAddress, bytes.count)
}
