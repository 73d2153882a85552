//! `./proof --check`: every patch applies, every base is good, and every change is what its case says of it.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Instant;

use crate::change::Copies;
use crate::corpus::{Case, Corpus};
use crate::oracle::{self, Verdict};
use crate::table;

/// Oracles of two cases at once: most of them wait.
const AT_ONCE: usize = 2;
const WHY_LENGTH_MAX: usize = 90;

struct Checked<'a> {
    case: &'a Case,
    base: Verdict,
    changed: Verdict,
    seconds: f64,
}

impl Checked<'_> {
    fn as_said(&self) -> bool {
        let changed = matches!(
            (self.case.is_bad(), &self.changed),
            (true, Verdict::Bad(_)) | (false, Verdict::Good)
        );
        self.base == Verdict::Good && changed
    }
}

/// Prints a table, and returns whether the corpus is what it says.
pub fn run(corpus: &Corpus, cases: &[&Case]) -> anyhow::Result<bool> {
    let mut checked = check_all(corpus, cases)?;
    checked.sort_by(|a, b| (a.case.told.pattern, &a.case.id).cmp(&(b.case.told.pattern, &b.case.id)));
    print!("{}", render(&checked));
    let wrong = checked.iter().filter(|checked| !checked.as_said()).count();
    println!("{} cases as they say, {wrong} not", checked.len() - wrong);
    Ok(wrong == 0)
}

fn check_all<'a>(corpus: &Corpus, cases: &[&'a Case]) -> anyhow::Result<Vec<Checked<'a>>> {
    // What is left to do, and what has been done; each worker takes the next.
    let to_do = Mutex::new(cases.iter().copied().collect::<VecDeque<_>>());
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                scope.spawn(|| -> anyhow::Result<()> {
                    while let Some(case) = held(&to_do).pop_front() {
                        let found = check(corpus, case)?;
                        eprintln!("==> {}: {}", case.id, found.changed.name());
                        held(&done).push(found);
                    }
                    Ok(())
                })
            })
            .collect();
        for worker in workers {
            worker
                .join()
                .map_err(|_| anyhow::anyhow!("a worker has panicked"))??;
        }
        Ok::<_, anyhow::Error>(())
    })?;
    Ok(done
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner))
}

fn held<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn check<'a>(corpus: &Corpus, case: &'a Case) -> anyhow::Result<Checked<'a>> {
    let begun = Instant::now();
    let copies = Copies::make(corpus, case)?;
    let (base, changed) = (copies.base(), copies.changed());
    Ok(Checked {
        case,
        base: oracle::of_code(corpus, case, &base, &base)?,
        changed: oracle::of_code(corpus, case, &changed, &base)?,
        seconds: begun.elapsed().as_secs_f64(),
    })
}

fn render(checked: &[Checked<'_>]) -> String {
    let rows: Vec<Vec<String>> = checked
        .iter()
        .map(|checked| {
            let why = [checked.base.why(), checked.changed.why()].join(" ");
            vec![
                checked.case.id.clone(),
                checked.case.told.pattern.name().to_owned(),
                checked.base.name().to_owned(),
                checked.changed.name().to_owned(),
                if checked.as_said() { "yes" } else { "NO" }.to_owned(),
                format!("{:.0}", checked.seconds),
                table::shortened(why.trim(), WHY_LENGTH_MAX),
            ]
        })
        .collect();
    table::render(
        &["case", "pattern", "base", "change", "as said", "seconds", "why"],
        &rows,
    )
}
