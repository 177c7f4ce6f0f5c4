import Postgres

extension OpenPlaces {
    /// Per lane, the place up to which everything is finished.
    package var watermarks: [Int64] {
        runs.reduce(into: cursors) { watermarks, run in
            watermarks[Int(run.lane)] = min(watermarks[Int(run.lane)], run.first - 1)
        }
    }
}

extension Broker {
    /// Keeps the watermarks of a queue that has come to rest: no later claim will.
    static let keepWatermarks: Statement = """
        INSERT INTO mq.watermarks AS w (queue, lane, watermark)
        SELECT $1, lane - 1, seq FROM unnest($2::bigint[]) WITH ORDINALITY AS known(seq, lane) WHERE mq.is_home($3)
        ON CONFLICT (queue, lane) DO UPDATE SET watermark = excluded.watermark WHERE w.watermark < excluded.watermark
        """
}
