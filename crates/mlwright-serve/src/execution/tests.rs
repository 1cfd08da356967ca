use std::cell::Cell;
use std::rc::Rc;
use std::sync::mpsc;

use mlwright_model::Linear;
use tokio::task::LocalSet;

use super::*;

/// A model that gives its input back.
fn identity() -> Arc<Kernel> {
    let json =
        br#"{"format":1,"features":1,"link":"identity","coefficients":[[1.0]],"intercept":[0.0]}"#;
    Arc::new(Kernel::Linear(Linear::from_json(json).expect("valid")))
}

/// A model asked in batches on a thread of its own; nothing is answered before the gate opens.
fn gated() -> (Rc<Aside>, mpsc::Sender<()>, LocalSet) {
    let aside = Rc::new(Aside::batches(&identity(), 10.0, Duration::from_millis(1)));
    let (open, gate) = mpsc::channel();
    let tasks = LocalSet::new();
    let gatekeeper = Rc::clone(&aside);
    tasks.spawn_local(async move {
        let wait = move |_: &Kernel| gate.recv().map_err(|_| ServeError::Panicked);
        queue(&gatekeeper).call(1, None, wait).await
    });
    (aside, open, tasks)
}

/// A model asked in rounds of the thread that asks.
fn in_rounds(row_us: f64) -> (Rc<Aside>, LocalSet) {
    let aside = Aside::rounds(&identity(), row_us, Duration::from_millis(1));
    (Rc::new(aside), LocalSet::new())
}

fn queue(aside: &Aside) -> &Queue {
    match aside {
        Aside::Queue(queue) => queue,
        Aside::Rounds(_) => panic!("it has no threads"),
    }
}

fn block_on<T>(tasks: &LocalSet, task: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    tasks.block_on(&runtime, task)
}

type Asked = tokio::task::JoinHandle<Result<Executed, ServeError>>;

fn ask(tasks: &LocalSet, aside: &Rc<Aside>, inputs: Vec<f64>, deadline: Option<Instant>) -> Asked {
    let aside = Rc::clone(aside);
    tasks.spawn_local(async move {
        let rows = inputs.len();
        aside.predict(inputs, rows, deadline).await
    })
}

/// Let what was asked get into the queue.
async fn settle() {
    for _ in 0..4 {
        tokio::task::yield_now().await;
    }
}

async fn answer_of(asked: Asked) -> Result<Vec<f64>, &'static str> {
    let executed = asked.await.expect("no panic");
    let outputs = executed.map(|executed| executed.outputs);
    outputs.map_err(|error| error.code())
}

// promise: serve.batches
#[test]
fn requests_that_wait_are_asked_together_and_one_that_leaves_harms_nobody() {
    let (aside, open, tasks) = gated();
    block_on(&tasks, async {
        settle().await;
        let first = ask(&tasks, &aside, vec![1.0, 2.0], None);
        let leaver = ask(&tasks, &aside, vec![3.0], None);
        let last = ask(&tasks, &aside, vec![4.0], None);
        settle().await;
        leaver.abort();
        settle().await;
        open.send(()).expect("the gate waits");
        assert_eq!(answer_of(first).await, Ok(vec![1.0, 2.0]));
        assert_eq!(answer_of(last).await, Ok(vec![4.0]));
        assert_eq!(
            aside.load().batches(),
            (1, 3),
            "nobody asked for the leaver's row"
        );
    });
}

// promise: serve.triton-statistics
#[test]
fn one_of_the_requests_that_are_asked_together_counts_the_execution() {
    let (aside, open, tasks) = gated();
    block_on(&tasks, async {
        settle().await;
        let asked = [1.0, 2.0, 3.0].map(|input| ask(&tasks, &aside, vec![input], None));
        settle().await;
        let opened = Instant::now();
        open.send(()).expect("the gate waits");
        let mut executed = Vec::new();
        for one in asked {
            executed.push(one.await.expect("no panic").expect("an answer"));
        }
        let shared: Vec<bool> = executed.iter().map(|one| one.is_shared).collect();
        assert_eq!(shared, [false, true, true]);
        assert!(
            executed.iter().all(|one| one.began >= opened),
            "waiting is no execution"
        );
    });
}

#[test]
fn a_request_that_cannot_be_answered_fails_alone() {
    let (aside, open, tasks) = gated();
    block_on(&tasks, async {
        settle().await;
        let good = ask(&tasks, &aside, vec![1.0], None);
        let bad = {
            let aside = Rc::clone(&aside);
            tasks.spawn_local(async move { aside.predict(vec![1.0, 2.0], 1, None).await })
        };
        settle().await;
        open.send(()).expect("the gate waits");
        assert_eq!(answer_of(good).await, Ok(vec![1.0]));
        assert_eq!(answer_of(bad).await, Err("model.shape"));
    });
}

// promise: serve.deadline
#[test]
fn the_model_is_not_asked_after_the_deadline() {
    let (aside, open, tasks) = gated();
    block_on(&tasks, async {
        settle().await;
        let late = ask(&tasks, &aside, vec![1.0], Some(Instant::now()));
        let patient = ask(&tasks, &aside, vec![2.0], None);
        settle().await;
        open.send(()).expect("the gate waits");
        assert_eq!(answer_of(late).await, Err("request.deadline"));
        assert_eq!(answer_of(patient).await, Ok(vec![2.0]));
    });
}

// promise: serve.sheds
#[test]
fn more_than_can_be_answered_in_time_is_refused_at_once() {
    let (aside, open, tasks) = gated();
    block_on(&tasks, async {
        settle().await;
        // A row takes 10 µs and should wait for half of 1 ms at most, but two batches of 32 rows may.
        let fitting = ask(&tasks, &aside, vec![1.0; 60], None);
        settle().await;
        let refused = ask(&tasks, &aside, vec![1.0; 20], None);
        assert_eq!(answer_of(refused).await, Err("request.overloaded"));
        open.send(()).expect("the gate waits");
        assert_eq!(answer_of(fitting).await, Ok(vec![1.0; 60]));
    });
}

#[test]
fn a_panic_of_the_model_costs_its_own_request_only() {
    let (aside, open, tasks) = gated();
    open.send(()).expect("the gate waits");
    block_on(&tasks, async {
        settle().await;
        let panics = |_: &Kernel| -> Result<(), ServeError> { panic!("a bug") };
        let panicked = queue(&aside).call(1, None, panics).await;
        assert_eq!(
            panicked.map_err(|error| error.code()),
            Err("server.internal")
        );
        let next = ask(&tasks, &aside, vec![5.0], None);
        assert_eq!(answer_of(next).await, Ok(vec![5.0]));
    });
}

#[test]
fn only_slow_models_get_threads_and_only_batches_that_help_are_made() {
    for (row_us, batch_row_us, mode) in [
        (3.0, 2.0, Mode::Inline),
        (10.0, 2.0, Mode::Inline),
        (160.0, 150.0, Mode::Inline),
        (300.0, 290.0, Mode::Threads),
        (160.0, 40.0, Mode::Batches),
        (5_000.0, 400.0, Mode::Batches),
    ] {
        assert_eq!(
            Mode::choose(row_us, batch_row_us),
            mode,
            "{row_us} {batch_row_us}"
        );
    }
}

// promise: serve.batches
#[test]
fn requests_of_one_round_are_asked_together_and_one_that_leaves_harms_nobody() {
    let (aside, tasks) = in_rounds(10.0);
    block_on(&tasks, async {
        let asked = [1.0, 2.0, 3.0, 4.0].map(|input| ask(&tasks, &aside, vec![input], None));
        let late = ask(&tasks, &aside, vec![5.0], Some(Instant::now()));
        let [first, leaver, second, third] = asked;
        leaver.abort();
        let first = first.await.expect("no panic").expect("an answer");
        assert!(!first.is_shared, "it counts the execution");
        let second = second.await.expect("no panic").expect("an answer");
        assert_eq!((second.outputs, second.is_shared), (vec![3.0], true));
        assert_eq!(answer_of(third).await, Ok(vec![4.0]));
        assert_eq!(answer_of(late).await, Err("request.deadline"));
        assert_eq!(
            aside.load().batches(),
            (1, 3),
            "nobody asked for the others"
        );
        settle().await;
        assert_eq!(aside.load().rows.load(Ordering::Relaxed), 0);
        let next = ask(&tasks, &aside, vec![6.0], None);
        assert_eq!(answer_of(next).await, Ok(vec![6.0]), "rounds begin anew");
        assert!(batch_time() > Duration::ZERO);
    });
}

// promise: serve.sheds
#[test]
fn what_the_rounds_cannot_answer_in_time_is_refused_at_once() {
    // Eight rows may wait, or a batch.
    let (aside, tasks) = in_rounds(50.0);
    block_on(&tasks, async {
        assert!(aside.has_room());
        let asked: Vec<_> = (0..=BATCH_ROWS)
            .map(|input| ask(&tasks, &aside, vec![input as f64], None))
            .collect();
        tokio::task::yield_now().await;
        assert!(!aside.has_room(), "before a body is decoded");
        for (place, one) in asked.into_iter().enumerate() {
            let expected = if place < BATCH_ROWS {
                Ok(vec![place as f64])
            } else {
                Err("request.overloaded")
            };
            assert_eq!(answer_of(one).await, expected);
        }
    });
}

// promise: serve.batches
#[test]
fn a_request_of_many_rows_lets_others_of_its_thread_have_their_turn() {
    let (aside, tasks) = in_rounds(1.0);
    let inputs: Vec<f64> = (0..=5 * BATCH_ROWS).map(|row| row as f64).collect();
    let (turns, watched) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let counted = Rc::clone(&turns);
    tasks.spawn_local(async move {
        loop {
            counted.set(counted.get() + 1);
            tokio::task::yield_now().await;
        }
    });
    block_on(&tasks, async {
        let large = ask(&tasks, &aside, inputs.clone(), None);
        assert_eq!(answer_of(large).await, Ok(inputs.clone()));
        watched.set(turns.get());
        assert!(watched.get() > 5, "a turn for each part");
        let large = ask(&tasks, &aside, inputs.clone(), None);
        settle().await;
        large.abort();
        let next = ask(&tasks, &aside, vec![7.0], None);
        assert_eq!(
            answer_of(next).await,
            Ok(vec![7.0]),
            "who left is not waited for"
        );
    });
}

#[test]
fn rounds_that_are_dropped_with_their_tasks_can_begin_anew() {
    let (aside, tasks) = in_rounds(10.0);
    block_on(&tasks, async {
        drop(ask(&tasks, &aside, vec![1.0], None));
        tokio::task::yield_now().await;
    });
    drop(tasks);
    assert_eq!(aside.load().rows.load(Ordering::Relaxed), 0);
    let tasks = LocalSet::new();
    block_on(&tasks, async {
        assert_eq!(
            answer_of(ask(&tasks, &aside, vec![2.0], None)).await,
            Ok(vec![2.0])
        );
    });
}

#[test]
fn batches_that_would_hold_the_thread_for_long_are_asked_elsewhere() {
    let longest_wait = Duration::from_millis(25);
    assert!(fits_round(190.0, longest_wait), "6.1 ms");
    assert!(!fits_round(200.0, longest_wait), "more than a quarter");
}
