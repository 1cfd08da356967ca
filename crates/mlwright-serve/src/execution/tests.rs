use std::rc::Rc;
use std::sync::mpsc;

use mlwright_model::Linear;
use tokio::task::LocalSet;

use super::*;

/// A model that gives its input back, asked in batches; nothing is answered before the gate opens.
fn gated() -> (Rc<Execution>, mpsc::Sender<()>, LocalSet) {
    let json =
        br#"{"format":1,"features":1,"link":"identity","coefficients":[[1.0]],"intercept":[0.0]}"#;
    let kernel = Arc::new(Kernel::Linear(Linear::from_json(json).expect("valid")));
    let execution = Execution::with_mode(
        &kernel,
        Mode::Batches,
        Some((1_000.0, 10.0)),
        Duration::from_millis(1),
    );
    let execution = Rc::new(execution);
    let (open, gate) = mpsc::channel();
    let tasks = LocalSet::new();
    let gatekeeper = Rc::clone(&execution);
    tasks.spawn_local(async move {
        let wait = move |_: &Kernel| gate.recv().map_err(|_| ServeError::Panicked);
        queue(&gatekeeper).call(1, None, wait).await
    });
    (execution, open, tasks)
}

fn queue(execution: &Execution) -> &Queue {
    execution.queue().expect("batches have a queue")
}

fn block_on<T>(tasks: &LocalSet, task: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    tasks.block_on(&runtime, task)
}

type Asked = tokio::task::JoinHandle<Result<Executed, ServeError>>;

fn ask(
    tasks: &LocalSet,
    execution: &Rc<Execution>,
    inputs: Vec<f64>,
    deadline: Option<Instant>,
) -> Asked {
    let execution = Rc::clone(execution);
    tasks.spawn_local(async move {
        let rows = inputs.len();
        queue(&execution).predict(inputs, rows, deadline).await
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
    let (execution, open, tasks) = gated();
    block_on(&tasks, async {
        settle().await;
        let first = ask(&tasks, &execution, vec![1.0, 2.0], None);
        let leaver = ask(&tasks, &execution, vec![3.0], None);
        let last = ask(&tasks, &execution, vec![4.0], None);
        settle().await;
        leaver.abort();
        settle().await;
        open.send(()).expect("the gate waits");
        assert_eq!(answer_of(first).await, Ok(vec![1.0, 2.0]));
        assert_eq!(answer_of(last).await, Ok(vec![4.0]));
        assert_eq!(
            execution.batches(),
            (1, 3),
            "nobody asked for the leaver's row"
        );
    });
}

// promise: serve.triton-statistics
#[test]
fn one_of_the_requests_that_are_asked_together_counts_the_execution() {
    let (execution, open, tasks) = gated();
    block_on(&tasks, async {
        settle().await;
        let asked = [1.0, 2.0, 3.0].map(|input| ask(&tasks, &execution, vec![input], None));
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
    let (execution, open, tasks) = gated();
    block_on(&tasks, async {
        settle().await;
        let good = ask(&tasks, &execution, vec![1.0], None);
        let bad = {
            let execution = Rc::clone(&execution);
            tasks.spawn_local(
                async move { queue(&execution).predict(vec![1.0, 2.0], 1, None).await },
            )
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
    let (execution, open, tasks) = gated();
    block_on(&tasks, async {
        settle().await;
        let late = ask(&tasks, &execution, vec![1.0], Some(Instant::now()));
        let patient = ask(&tasks, &execution, vec![2.0], None);
        settle().await;
        open.send(()).expect("the gate waits");
        assert_eq!(answer_of(late).await, Err("request.deadline"));
        assert_eq!(answer_of(patient).await, Ok(vec![2.0]));
    });
}

// promise: serve.sheds
#[test]
fn more_than_can_be_answered_in_time_is_refused_at_once() {
    let (execution, open, tasks) = gated();
    block_on(&tasks, async {
        settle().await;
        // A row takes 10 µs and should wait for half of 1 ms at most, but two batches of 32 rows may.
        let fitting = ask(&tasks, &execution, vec![1.0; 60], None);
        settle().await;
        let refused = ask(&tasks, &execution, vec![1.0; 20], None);
        assert_eq!(answer_of(refused).await, Err("request.overloaded"));
        open.send(()).expect("the gate waits");
        assert_eq!(answer_of(fitting).await, Ok(vec![1.0; 60]));
    });
}

#[test]
fn a_panic_of_the_model_costs_its_own_request_only() {
    let (execution, open, tasks) = gated();
    open.send(()).expect("the gate waits");
    block_on(&tasks, async {
        settle().await;
        let panics = |_: &Kernel| -> Result<(), ServeError> { panic!("a bug") };
        let panicked = queue(&execution).call(1, None, panics).await;
        assert_eq!(
            panicked.map_err(|error| error.code()),
            Err("server.internal")
        );
        let next = ask(&tasks, &execution, vec![5.0], None);
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

// promise: serve.sheds
#[test]
fn a_thread_that_slows_down_lets_fewer_rows_wait_and_a_pause_tells_little() {
    let (execution, _open, _tasks) = gated();
    let most_rows = || queue(&execution).most_rows();
    let learn = |microseconds| queue(&execution).learn(1, Duration::from_micros(microseconds));
    assert_eq!(
        most_rows(),
        2 * BATCH_ROWS,
        "500 µs are less than two batches"
    );
    queue(&execution).row_ns.store(5_000, Ordering::Relaxed);
    assert_eq!(most_rows(), 100, "500 µs of 5 µs each");
    learn(1_000_000);
    assert_eq!(most_rows(), 72, "a second counts as four rows");
    queue(&execution).learn(0, Duration::from_nanos(1));
    assert_eq!(most_rows(), 72, "rows that nobody wanted tell nothing");
    (0..200).for_each(|_| learn(1));
    assert!(most_rows() > 400);
}
