import MessageQueue

extension [Outgoing<RawBody>] {
    /// Each with the delay that the queue's sheet gives to what says nothing itself. The library would go by what this process has read
    /// last, which is older for a while when another gateway has changed it.
    func delayed(by sheet: QueueEntry) -> Self {
        map { message in
            var message = message
            message.delay = message.delay ?? sheet.settings.delay
            return message
        }
    }
}
