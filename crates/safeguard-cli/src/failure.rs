//! Why a command did not do what was asked: refused, or not decided.

use std::process::ExitCode;

use safeguard_api::Problem;

#[derive(Debug, Clone)]
pub enum Failure {
    /// The answer is no.
    Refused(Problem),
    /// There is no answer.
    Undecided(Problem),
    /// The answer has been printed already, and is no.
    Told,
    /// It has been printed already why there is no answer.
    ToldUndecided,
}

impl Failure {
    pub fn refused(title: impl Into<String>) -> Failure {
        Failure::Refused(Problem::new(409, "refused", title))
    }

    pub fn undecided(title: impl Into<String>) -> Failure {
        Failure::Undecided(Problem::new(503, "undecided", title))
    }

    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Failure {
        match self {
            Failure::Refused(problem) => Failure::Refused(problem.with_hint(hint)),
            Failure::Undecided(problem) => Failure::Undecided(problem.with_hint(hint)),
            told @ (Failure::Told | Failure::ToldUndecided) => told,
        }
    }

    #[must_use]
    pub fn details(self, details: Vec<String>) -> Failure {
        match self {
            Failure::Refused(problem) => Failure::Refused(problem.with_details(details)),
            Failure::Undecided(problem) => Failure::Undecided(problem.with_details(details)),
            told @ (Failure::Told | Failure::ToldUndecided) => told,
        }
    }

    /// What the server answered: below 500 it refused, from there on it could not decide.
    pub fn from_problem(problem: Problem) -> Failure {
        if problem.status < 500 {
            Failure::Refused(problem)
        } else {
            Failure::Undecided(problem)
        }
    }

    /// What is said of it in one line; nothing where it was said already.
    pub fn title(&self) -> &str {
        match self {
            Failure::Refused(problem) | Failure::Undecided(problem) => &problem.title,
            Failure::Told | Failure::ToldUndecided => "",
        }
    }

    pub fn exit_code(&self) -> ExitCode {
        match self {
            Failure::Refused(_) | Failure::Told => ExitCode::from(1),
            Failure::Undecided(_) | Failure::ToldUndecided => ExitCode::from(2),
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Failure {
        let causes = error.chain().skip(1).map(ToString::to_string).collect();
        Failure::undecided(error.to_string()).details(causes)
    }
}
