/*
 * The lane protocol of the message engine: one lane of one queue, as mq.take_lane, mq.take_lanes, mq.read_behind,
 * mq.advance_head and mq.drop_segment keep it, with the verbs in Sources/MessageQueue/Engine. scripts/prove checks it
 * exhaustively.
 *
 * What is committed is global. What a transaction has read or is about to write is its own, until it commits in one step.
 * A statement sees what was committed when its snapshot was taken: so taking a lock, taking a snapshot and committing are
 * steps of their own, between which every other process may take any of its own. To crash is to roll back for good.
 *
 * Each of these takes one rule away, and must be caught:
 *   SEQUENCE_BEFORE_LOCK  a place is taken before the lane's write lock is held
 *   STALE_CURSOR          the cursor is read in the snapshot from before the lane's row lock
 *   NO_FENCE              completions have no primary key: a rescue and a late finish both count
 *   FORGET_THE_ENDED      what a consumer claims after it was given up is looked for by nobody
 *   DROP_UNSETTLED        a segment is dropped without asking whether everything in it is finished
 *   ROTATE_WITHOUT_LOCK   the head moves while sends and claims are under way
 * and these two of a producer, which HOLD puts in the place of the senders:
 *   COUNT_WHAT_FAILED     it goes on behind a place that it did not commit
 *   OUTLIVE_THE_SEGMENT   the segment takes places from before it became the head
 */

#ifndef MESSAGES
#define MESSAGES 2      /* each has a sender of its own */
#endif
#ifndef CONSUMERS
#define CONSUMERS 2
#endif
#ifndef RESCUERS
#define RESCUERS 1
#endif
#ifndef ROTATIONS
#define ROTATIONS 1
#endif
#ifndef CRASHES
#define CRASHES 1       /* fewer than consumers: somebody has to be left */
#endif
#ifndef GUESSES
#define GUESSES 1       /* how often a consumer that lives is taken for dead */
#endif
#define ATTEMPTS 2

/*
 * A seq is a segment and an ordinal, which is dense over all segments; 0 is none. Later places have greater seqs, as in the
 * engine. A set of places is a mask.
 */
#define WIDTH (MESSAGES * ATTEMPTS)
#define PLACES (WIDTH * (ROTATIONS + 1))
#define SEQ(segment, ordinal) ((segment) * WIDTH + (ordinal))
#define SEGMENT_OF(seq) (((seq) - 1) / WIDTH)
#define ORDINAL(seq) ((seq) == 0 -> 0 : ((seq) - 1) % WIDTH + 1)
#define AT(seq) (1 << ((seq) - 1))
#define UP_TO(seq) ((1 << (seq)) - 1)
#define IN(segment) (UP_TO(WIDTH) << ((segment) * WIDTH))
#define MAX(a, b) ((a) > (b) -> (a) : (b))

/* What is committed. */
int messages, claims, completions;      /* the three logs */
byte message[PLACES + 1];               /* by seq */
byte attempt[PLACES + 1];               /* by seq */
byte holder[PLACES + 1];                /* by seq: whose claim it is */
byte deferred[MESSAGES + 1];            /* by message: the attempt that it waits for, 0 when it isn't deferred */
byte closed_seq, floor_seq;             /* the lane's row */
byte head;                              /* the newest segment */
byte tail;                              /* the oldest one that isn't dropped */
bool ended[CONSUMERS + 1];              /* the consumer's row */

/* What is locked. */
byte sharers;                           /* transactions that name the head views */
bool rotating;                          /* the exclusive lock on these is held or waited for: nobody passes it by */
byte writer;                            /* the lane's advisory lock */
byte reader;                            /* the lane's row lock */
int finishing;                          /* completions that are inserted and neither committed nor rolled back */
int expiring;                           /* row locks of claims, by place */

/* What only the checker knows. */
byte sent[MESSAGES + 1], done[MESSAGES + 1], dead[MESSAGES + 1];
bool crashed[CONSUMERS + 1];
bool anything;                          /* what take_lanes would see now: nobody looks in vain for ever */
int abandoned;                          /* what rescue would find now: open places of consumers that were ended */
bool quiet;                             /* nothing moves any more */
byte crashes = CRASHES, guesses = GUESSES;
#ifdef SEQUENCE_BEFORE_LOCK
byte sequence;
#endif
hidden byte i, n, count;                /* used within one step only */
hidden int some;

inline newest(places, seq) {
    i = PLACES;
    do
    :: i > 0 && !((places) & AT(i)) -> i--
    :: else -> break
    od;
    seq = i
}

inline oldest(places, seq) {
    i = 1;
    do
    :: i < PLACES && !((places) & AT(i)) -> i++
    :: else -> break
    od;
    seq = i
}

/* The places that a consumer was given and nobody has finished. */
inline openOf(consumer, places) {
    places = 0;
    i = 1;
    do
    :: i <= PLACES ->
        if
        :: (claims & ~completions & AT(i)) && holder[i] == consumer -> places = places | AT(i)
        :: else
        fi;
        i++
    :: else -> break
    od
}

inline findAbandoned() {
    abandoned = 0;
#ifndef FORGET_THE_ENDED
    n = 1;
    do
    :: n <= CONSUMERS ->
        if
        :: ended[n] -> openOf(n, some); abandoned = abandoned | some
        :: else
        fi;
        n++
    :: else -> break
    od
#endif
}

/* With every commit. */
inline audit() {
    findAbandoned();
    n = 1;
    do
    :: n <= MESSAGES ->
        /* A message that was sent is in exactly one of: waiting or in flight, deferred, done, dead. */
        count = (deferred[n] -> 1 : 0) + done[n] + dead[n];
        i = 1;
        do
        :: i <= PLACES ->
            if
            :: message[i] == n && (messages & ~completions & AT(i)) -> count++
            :: else
            fi;
            i++
        :: else -> break
        od;
        assert(count == sent[n]);
        n++
    :: else -> break
    od;
    /* No place is skipped: all before a claimed one are claimed. */
    newest(claims, count);
    assert(!(messages & ~claims & UP_TO(count)));
    newest(claims & IN(head), count);
    anything = (messages & IN(head) & ~UP_TO(count)) != 0 || (floor_seq < closed_seq && count == 0)
}

/* mq.take_lane, once the lock is held: the lane's last place, in a snapshot of its own. */
inline readLast(segment, last) {
    d_step {
        segment = head;
        newest(messages & IN(head), last);
        last = (last == 0 -> ORDINAL(closed_seq) : ORDINAL(last))
    }
}

inline append(which, try, segment, last) {
    count = SEQ(segment, last + 1);
    /* The order of places is the order of commits. */
    assert(!(messages & ~UP_TO(count - 1)));
    messages = messages | AT(count);
    message[count] = which;
    attempt[count] = try
}

inline complete(seq) {
    /* A place is completed once. */
    assert(!(completions & AT(seq)));
    completions = completions | AT(seq)
}

/* Retried or expired: deferred again, or, without an attempt left, a dead letter. */
inline putBack(seq) {
    if
    :: attempt[seq] < ATTEMPTS -> deferred[message[seq]] = attempt[seq] + 1
    :: else -> dead[message[seq]]++
    fi
}

/* Inserts a completion, waiting for whoever inserts the same one. In a dropped segment there is no room for one. */
inline insert(seq, isNew) {
#ifdef NO_FENCE
    isNew = true
#else
    atomic {
        !(finishing & AT(seq)) ->
        isNew = !(completions & AT(seq)) && SEGMENT_OF(seq) >= tail;
        finishing = finishing | AT(seq)
    }
#endif
}
inline release(seq) { finishing = finishing & ~AT(seq) }

proctype Sender(byte id) {
    byte segment, last;
    atomic { !rotating -> sharers++ };
#ifdef SEQUENCE_BEFORE_LOCK
    d_step { segment = head; last = sequence; sequence++ };
#endif
    if
    :: atomic { writer == 0 -> writer = _pid };
#ifndef SEQUENCE_BEFORE_LOCK
        readLast(segment, last);
#endif
        if
        :: d_step { append(id, 1, segment, last); sent[id] = 1; audit(); writer = 0; sharers-- }
        :: atomic { writer = 0; sharers-- }         /* rolled back, or crashed */
        fi
    :: d_step { writer != 0 -> deferred[id] = 1; sent[id] = 1; audit(); sharers-- }     /* nobody waits for a lane */
    fi
}

/*
 * Holds the lane for all that it sends (mq.lock_lane), and knows the last place from its own commits. The primary key refuses a
 * place that is taken, the head segment one from before it was opened; then the producer asks again.
 */
proctype Producer() {
    byte id, segment, last;
    bool isKnown;
    atomic { writer == 0 -> writer = _pid };
    do
    :: atomic { id < MESSAGES && !isKnown && !rotating -> sharers++ };
        readLast(segment, last);
        atomic { isKnown = true; sharers-- }
    :: atomic { id < MESSAGES && isKnown && !rotating -> sharers++ };
        if
#ifdef OUTLIVE_THE_SEGMENT
        :: d_step { !(messages & AT(SEQ(segment, last + 1))) ->
#else
        :: d_step { segment == head && !(messages & AT(SEQ(segment, last + 1))) ->
#endif
            /* Dense: it goes on from the lane's last place. */
            newest(messages & IN(head), n);
            assert(last == (n == 0 -> ORDINAL(closed_seq) : ORDINAL(n)));
            id++;
            append(id, 1, segment, last); sent[id] = 1;
            audit();
            last++; sharers--
        }
        :: atomic { segment != head || (messages & AT(SEQ(segment, last + 1))) -> isKnown = false; sharers-- }
        :: atomic {                                 /* rolled back */
#ifdef COUNT_WHAT_FAILED
            last++;
#else
            isKnown = false;
#endif
            sharers--
        }
        fi
    :: atomic { writer = 0; break }                 /* it gives the lane back, or its session ends */
    od
}

proctype Promoter() {
    byte segment, last, id;
    do
    :: atomic { quiet -> break }
    :: atomic {
        !quiet && !rotating && writer == 0 && (deferred[1] || deferred[MESSAGES]) ->
        sharers++;
        writer = _pid;
        id = (deferred[1] -> 1 : MESSAGES)
    };
        readLast(segment, last);
        if
        :: d_step {
            append(id, deferred[id], segment, last);
            deferred[id] = 0;
            audit();
            writer = 0; sharers--; segment = 0; last = 0; id = 0
        }
        :: atomic { crashes > 0 -> crashes--; writer = 0; sharers--; segment = 0; last = 0; id = 0 }
        fi
    od
}

proctype Consumer(byte me) {
    int seen, seenClaims, got;
    byte cursor, floor, first;
    bool behind, isNew;
claim:
    if
    :: quiet -> goto stop
    :: atomic { !quiet && anything && !rotating -> sharers++ }
    fi;
    d_step { seen = messages; seenClaims = claims };
    if
    :: atomic { reader == 0 -> reader = _pid }
    :: atomic { reader != 0 -> sharers--; seen = 0; seenClaims = 0; goto claim }
    fi;
    /* The cursor, in a snapshot of its own. */
    d_step {
#ifndef STALE_CURSOR
        seenClaims = claims;
#endif
        newest(seenClaims & IN(head), cursor);
        seenClaims = 0;
        floor = floor_seq;
        behind = cursor == 0 && floor < closed_seq;
        cursor = (cursor == 0 -> floor : cursor)
    };
    atomic {
        if
        :: d_step {
            behind ->
            newest(claims, cursor);
            cursor = MAX(cursor, floor);
            floor = (closed_seq <= cursor -> closed_seq : floor);
            /* All of one segment, the oldest that has something. */
            got = messages & ~UP_TO(cursor);
            oldest(got, first);
            got = got & IN(SEGMENT_OF(first));
            first = 0
        }
        :: !behind -> got = seen & IN(head) & ~UP_TO(cursor)
        fi;
        if
        :: true
        :: d_step { got != 0 -> oldest(got, first); got = AT(first); first = 0 }    /* a limit of one */
        fi;
        seen = 0; cursor = 0; behind = false
    };
    if
    :: d_step {
        assert(!(got & claims));        /* a place is claimed once */
        claims = claims | got;
        floor_seq = MAX(floor, floor_seq);
        n = 1;
        do
        :: n <= PLACES ->
            if
            :: got & AT(n) -> holder[n] = me
            :: else
            fi;
            n++
        :: else -> break
        od;
        audit();
        reader = 0; sharers--; floor = 0
    }
    :: atomic { crashes > 0 -> crashes--; crashed[me] = true; reader = 0; sharers--; floor = 0; got = 0; goto stop }
    fi;
finish:
    if
    :: atomic { got == 0 -> goto claim }
    :: atomic { got != 0 && crashes > 0 -> crashes--; crashed[me] = true; got = 0; goto stop }
    :: d_step { got != 0 -> oldest(got, first); got = got & ~AT(first) }
    fi;
    insert(first, isNew);
    if
    :: atomic { !isNew -> release(first); first = 0; goto finish }      /* the lease is lost: all of it rolls back */
    :: d_step { isNew -> complete(first); done[message[first]]++; audit(); release(first); first = 0; isNew = false }
    :: d_step { isNew -> complete(first); putBack(first); audit(); release(first); first = 0; isNew = false }
    :: atomic { isNew && crashes > 0 -> crashes--; crashed[me] = true; release(first); first = 0; isNew = false; got = 0; goto stop }
    fi;
    goto finish;
stop:
    skip
}

/* Upkeep: finds who is gone, rightly or wrongly, puts back what it holds, and ends it. */
proctype Rescuer() {
    byte lost, first;
    bool isNew;
    int open;
    do
    :: atomic { quiet -> break }
    :: atomic {
        if
        :: lost == 0 && !quiet && crashed[1] && !ended[1] -> lost = 1
        :: lost == 0 && !quiet && crashed[CONSUMERS] && !ended[CONSUMERS] -> lost = CONSUMERS
        :: lost == 0 && !quiet && guesses > 0 && !ended[1] && (claims & ~completions) -> guesses--; lost = 1
        :: lost == 0 && !quiet && (abandoned & ~expiring)
        :: lost != 0
        fi
        /* Rows that another rescuer has locked are skipped. */
        d_step {
            if
            :: lost == 0 -> open = abandoned
            :: else -> openOf(lost, open)
            fi;
            open = open & ~expiring;
            if
            :: open != 0 -> oldest(open, first); expiring = expiring | AT(first)
            :: open == 0 && lost != 0 -> ended[lost] = true; lost = 0; findAbandoned()
            :: else
            fi;
            open = 0
        };
    };
        if
        :: first == 0
        :: first != 0 ->
            insert(first, isNew);
            if
            :: d_step { !isNew }        /* finished meanwhile: left alone */
            :: d_step { isNew -> complete(first); putBack(first); audit() }
            :: atomic { isNew && crashes > 0 -> crashes-- }
            fi;
            atomic { release(first); expiring = expiring & ~AT(first); first = 0; isNew = false }
        fi
    od
}

/* Opens segments, and drops the oldest ones. */
proctype Retirer() {
    byte rotations;
    do
    :: rotations < ROTATIONS ->
#ifndef ROTATE_WITHOUT_LOCK
        rotating = true;
        sharers == 0;
#endif
        d_step {
            newest(messages & IN(head), count);
            closed_seq = MAX(closed_seq, count);
            newest(claims & IN(head), count);
            floor_seq = MAX(floor_seq, count);
            head++;
            audit()
        };
        atomic { rotating = false; rotations++ }
    :: else -> break
    od;
    do
    :: tail < ROTATIONS ->
        if
#ifndef DROP_UNSETTLED
        :: (messages & IN(tail)) == (completions & IN(tail))
#else
        :: true
#endif
        :: quiet -> goto stop
        fi;
        if
        :: d_step {
            reader == 0 ->              /* it updates the lane's row */
            assert(!(messages & ~completions & IN(tail)));
            newest(claims & IN(tail), count);
            floor_seq = MAX(floor_seq, count);
            messages = messages & ~IN(tail);
            claims = claims & ~IN(tail);
            completions = completions & ~IN(tail);
            tail++;
            audit()
        }
        :: quiet -> goto stop
        fi
    :: else -> break
    od;
stop:
    skip
}

/* When nothing moves any more, every message that was sent is done or dead. */
proctype Judge() {
    timeout -> d_step {
        n = 1;
        do
        :: n <= MESSAGES -> assert(done[n] + dead[n] == sent[n]); n++
        :: else -> break
        od;
        quiet = true
    }
}

init {
    atomic {
#ifdef HOLD
        run Producer();
#else
        n = 1;
        do
        :: n <= MESSAGES -> run Sender(n); n++
        :: else -> break
        od;
#endif
        n = 1;
        do
        :: n <= CONSUMERS -> run Consumer(n); n++
        :: else -> break
        od;
        n = 1;
        do
        :: n <= RESCUERS -> run Rescuer(); n++
        :: else -> break
        od;
        run Promoter();
        run Retirer();
        run Judge()
    }
}
