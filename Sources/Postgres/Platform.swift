// What differs from one system to another. All other files get their C library through Foundation, be it Glibc, Musl or
// Darwin's. Only Linux with Glibc is tested.
import Foundation

/// A number that no other living thread has.
var callingThread: UInt {
    #if canImport(Glibc)
        UInt(pthread_self())
    #else
        // A pointer there.
        UInt(bitPattern: pthread_self())
    #endif
}
