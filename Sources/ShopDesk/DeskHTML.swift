import QueueDesk

/// What pages at the desk are made of. The shop's own steps have a type of the same name.
typealias DeskHTML = HTML
