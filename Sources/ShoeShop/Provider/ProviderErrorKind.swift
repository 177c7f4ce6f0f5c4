import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix

extension ProviderError.Kind {
    /// What an error of the HTTP client means for the request.
    init(of error: any Error) {
        switch error {
        case is CancellationError: self = .cancelled
        case let error as HTTPClientError: self = Self.kind(of: error)
        case is NIOConnectionError: self = .unreachable
        case let error as ChannelError:
            if case .connectTimeout = error { self = .unreachable } else { self = .connectionLost }
        case let error as IOError where error.errnoCode == ECONNREFUSED: self = .unreachable
        case is HTTPParserError, is ResponseAccumulator.ResponseTooBigError: self = .malformedAnswer
        default: self = .connectionLost
        }
    }

    private static func kind(of error: HTTPClientError) -> ProviderError.Kind {
        switch error {
        case .cancelled: .cancelled
        case .deadlineExceeded, .readTimeout, .writeTimeout: .timeout
        case .connectTimeout, .getConnectionFromPoolTimeout: .unreachable
        default: .connectionLost
        }
    }
}
