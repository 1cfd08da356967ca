//! What operators ask: the metrics page, the state of this process, and a reload of the deployment document.

use hyper::HeaderMap;
use hyper::header::HeaderValue;
use mlwright_serve::{Servable, Snapshot, Variant};
use serde_json::{Value, json};

use crate::metrics::{Format, Page};
use crate::process;
use crate::reply::Reply;
use crate::shared::Shared;

/// Answer `GET /metrics`.
pub(crate) fn metrics(shared: &Shared, headers: &HeaderMap) -> Reply {
    let format = Format::of(headers);
    let mut page = Page::new(format);
    shared.counters.write(&mut page);
    let snapshot = shared.engine.snapshot();
    page.head("mlwright_predictions_total");
    for (deployment, variant) in snapshot.variants() {
        let version = variant.spec.version.to_string();
        let labels = [
            ("deployment", deployment.spec.name.as_str()),
            ("variant", variant.spec.name.as_str()),
            ("model", variant.spec.model.as_str()),
            ("version", version.as_str()),
        ];
        page.sample(
            "mlwright_predictions_total",
            &labels,
            variant.predictions() as f64,
        );
    }
    page.head("mlwright_prediction_duration_seconds");
    for (deployment, variant) in snapshot.variants() {
        for (outcome, durations) in variant.durations() {
            let labels = [
                ("deployment", deployment.spec.name.as_str()),
                ("variant", variant.spec.name.as_str()),
                ("outcome", outcome),
            ];
            page.histogram("mlwright_prediction_duration_seconds", &labels, durations);
        }
    }
    page.head("mlwright_variant_weight_ratio");
    for (deployment, variant) in snapshot.variants() {
        let labels = [
            ("deployment", deployment.spec.name.as_str()),
            ("variant", variant.spec.name.as_str()),
        ];
        page.sample(
            "mlwright_variant_weight_ratio",
            &labels,
            variant.spec.weight,
        );
    }
    page.head("mlwright_contract_violations_total");
    for (deployment, variant) in snapshot.variants() {
        for (column, kind, count) in variant.violations().filter(|row| row.2 > 0) {
            let labels = [
                ("deployment", deployment.spec.name.as_str()),
                ("variant", variant.spec.name.as_str()),
                ("column", column),
                ("kind", kind.word()),
            ];
            page.sample("mlwright_contract_violations_total", &labels, count as f64);
        }
    }
    let counters = shared.engine.counters();
    page.single("mlwright_deployment_epoch", snapshot.epoch() as f64);
    page.single(
        "mlwright_prediction_log_records_total",
        counters.log_records() as f64,
    );
    page.single(
        "mlwright_prediction_log_dropped_total",
        counters.log_dropped() as f64,
    );
    write_aside(&mut page, &snapshot);
    page.head("mlwright_mirrored_requests_total");
    for (outcome, count) in shared.mirror.counts().by_outcome() {
        page.sample(
            "mlwright_mirrored_requests_total",
            &[("outcome", outcome)],
            count as f64,
        );
    }
    page.single("mlwright_feedback_total", counters.feedback() as f64);
    page.single("mlwright_requests_in_flight", counters.in_flight() as f64);
    process::write(&mut page, shared.started_us);
    Reply {
        content_type: HeaderValue::from_static(format.content_type()),
        ..Reply::json(page.into_bytes())
    }
}

/// Memory, caches and queues of the models.
fn write_aside(page: &mut Page, snapshot: &Snapshot) {
    type Figure = fn(&Variant) -> Option<f64>;
    let figures: [(&str, Figure); 6] = [
        ("mlwright_model_memory_bytes", |one| {
            Some(one.servable.memory_bytes() as f64)
        }),
        ("mlwright_model_waiting_rows", |one| {
            Some(one.servable.execution().waiting_rows() as f64)
        }),
        ("mlwright_model_batches_total", |one| {
            Some(one.servable.execution().batches().0 as f64)
        }),
        ("mlwright_model_batched_rows_total", |one| {
            Some(one.servable.execution().batches().1 as f64)
        }),
        ("mlwright_cache_hits_total", |one| {
            Some(one.cache_counts()?.0 as f64)
        }),
        ("mlwright_cache_misses_total", |one| {
            Some(one.cache_counts()?.1 as f64)
        }),
    ];
    for (name, figure) in figures {
        page.head(name);
        for (deployment, variant) in snapshot.variants() {
            let labels = [
                ("deployment", deployment.spec.name.as_str()),
                ("variant", variant.spec.name.as_str()),
            ];
            if let Some(value) = figure(variant) {
                page.sample(name, &labels, value);
            }
        }
    }
}

/// Answer `GET /admin/status`.
pub(crate) fn status(shared: &Shared) -> Reply {
    let snapshot = shared.engine.snapshot();
    let deployments: Vec<_> = snapshot
        .deployments()
        .iter()
        .map(|deployment| {
            let variants: Vec<_> = deployment
                .variants
                .iter()
                .map(|variant| {
                    json!({
                        "name": variant.spec.name, "model": variant.spec.model, "version": variant.spec.version,
                        "digest": variant.spec.digest, "weight": variant.spec.weight,
                        "predictions": variant.predictions(),
                        "execution": execution(&variant.servable),
                        "memory_bytes": variant.servable.memory_bytes(),
                        "cache": variant.cache_counts().map(|(hits, misses)| json!({"hits": hits, "misses": misses})),
                    })
                })
                .collect();
            let mirror = deployment.spec.mirror.as_ref();
            json!({
                "name": deployment.spec.name, "model": deployment.spec.model, "variants": variants,
                "mirror": mirror.map(|mirror| json!({"to": mirror.to, "share": mirror.share})),
            })
        })
        .collect();
    let counters = shared.engine.counters();
    let body = json!({
        "pid": std::process::id(),
        "epoch": snapshot.epoch(),
        "started_us": shared.started_us,
        "is_draining": shared.is_draining(),
        "last_error": shared.engine.last_error(),
        "deployments": deployments,
        "log": {"records": counters.log_records(), "dropped": counters.log_dropped()},
        "resident_bytes": process::resident_bytes(),
        "slow_requests": shared.trail.slow(),
    });
    Reply::json(body.to_string().into_bytes())
}

/// Where a model is asked, and the measurement that decided it.
fn execution(servable: &Servable) -> Value {
    let execution = servable.execution();
    let (batches, rows) = execution.batches();
    let measured = execution.measured_us();
    json!({
        "mode": execution.mode().word(),
        "kernel": servable.kernel_name(),
        "row_us": measured.map(|(one, _)| one),
        "row_in_batch_us": measured.map(|(_, many)| many),
        "waiting_rows": execution.waiting_rows(),
        "batches": batches,
        "batched_rows": rows,
    })
}

/// Answer `POST /admin/reload`: 200 when the newest document is served, 409 when it was refused.
pub(crate) fn reload(shared: &Shared) -> Reply {
    let applied = shared.apply_document();
    let is_applied = applied.problem.is_none();
    let mut body = json!({"epoch": applied.epoch, "applied": is_applied});
    if let Some(problem) = applied.problem {
        body["error"] = problem.into();
    }
    Reply::with_status(
        if is_applied { 200 } else { 409 },
        body.to_string().into_bytes(),
    )
}
