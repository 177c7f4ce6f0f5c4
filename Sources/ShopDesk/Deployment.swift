import MessageQueue
import ShopProcesses

/// What runs of the shop, as far as it is seen from one machine: the processes there, by the notes that they leave, and
/// workers and servers of other machines, by what the database knows of them.
struct Deployment {
    /// With the version that a worker has recorded, where one has.
    let here: [ServiceEntry]
    let elsewhere: [ConsumerEntry]
    /// APIs, gateways and desks.
    let servers: [ProcessEntry]
    /// Versions that run side by side, each group of ones that can be compared: of the library, and of workers.
    let mixtures: [[String]]

    /// - Parameter host: the name of the machine whose processes the services are.
    init(_ services: [ServiceEntry], _ workers: [ConsumerEntry], _ servers: [ProcessEntry], on host: String) {
        func worker(of service: ServiceEntry) -> ConsumerEntry? {
            workers.first { $0.host == host && $0.pid == service.pid }
        }
        let noted = Set(services.compactMap { worker(of: $0)?.id })
        elsewhere = workers.filter { !noted.contains($0.id) }
        let pids = Set(services.map(\.pid))
        self.servers = servers.filter { $0.host != host || !pids.contains($0.pid) }
        here = services.map { service -> ServiceEntry in
            var service = service
            if let worker = worker(of: service) { service.version = worker.version }
            return service
        }
        let running = servers.filter { !$0.isSilent }
        let libraries = Set(services.compactMap(\.version) + running.map(\.version))
        let recorded = Set(workers.map(\.version))
        let groups = libraries == recorded ? [libraries] : [libraries, recorded]
        mixtures = groups.filter { $0.count > 1 }.map { $0.sorted() }
    }
}

extension ProcessEntry {
    /// It has missed a few signs of life: it is gone, or can't reach the database.
    var isSilent: Bool { silence > 45 }
}
