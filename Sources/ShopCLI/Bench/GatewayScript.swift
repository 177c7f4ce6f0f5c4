import QueueGateway

/// Scripts for wrk, in Lua: requests of MNS and RocketMQ that were signed beforehand, so that the load generator works out
/// no signatures.
enum GatewayScript {
    /// The same request, again and again.
    static func repeating(_ request: SignedRequest) -> String {
        """
        local text

        function init() text = \(formatted(request)) end

        function request() return text end

        \(WrkSummary.script)
        """
    }

    /// Receives messages, and deletes all that one answer brought with the next request. The services sign bodies by a digest
    /// that is optional, so that one signature is good for all deletions.
    static func receiving(_ receive: SignedRequest, deleting delete: SignedRequest) -> String {
        """
        local pending, receive = {}, nil
        deleted, refused = 0, 0

        function init() receive = \(formatted(receive)) end

        function request()
            local handles = table.remove(pending)
            if handles == nil then return receive end
            deleted = deleted + #handles
            return wrk.format("\(delete.method)", "\(delete.target)", \(table(delete)),
                "<ReceiptHandles>" .. table.concat(handles) .. "</ReceiptHandles>")
        end

        function response(status, headers, body)
            if status ~= 200 and status ~= 204 and not body:find("MessageNotExist") then refused = refused + 1 end
            if status ~= 200 then return end
            local handles = {}
            for handle in body:gmatch("<ReceiptHandle>.-</ReceiptHandle>") do handles[#handles + 1] = handle end
            pending[#pending + 1] = handles
        end

        local threads = {}

        function setup(thread) threads[#threads + 1] = thread end

        \(WrkSummary.script(requests: sum("deleted"), failures: sum("refused")))
        """
    }

    /// Of a number that each thread counts. There is one thread.
    private static func sum(_ name: String) -> String { "threads[1]:get(\"\(name)\")" }

    private static func formatted(_ request: SignedRequest) -> String {
        let body = request.body.map { "[==[\($0)]==]" } ?? "nil"
        return #"wrk.format("\#(request.method)", "\#(request.target)", \#(table(request)), \#(body))"#
    }

    /// A new table each time: wrk adds the host and the length of the body to it.
    private static func table(_ request: SignedRequest) -> String {
        "{" + request.headers.map { "[\"\($0.name)\"] = \"\($0.value)\"" }.joined(separator: ", ") + "}"
    }
}
