//! `doctor`: checks an installation. `sei-doctor` derives the findings from what is read here.

mod cluster;
mod probe;
mod review;

use std::process::ExitCode;

use sei_doctor::{Finding, Level, findings, is_healthy};

use crate::{
    cli::{DoctorArgs, FindingsOutput},
    connect, print,
};

/// Exit code if there is an error.
const UNHEALTHY: u8 = 3;

pub(crate) fn run(args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    connect::block_on(async {
        let client = connect::connect_to_all(&args.findings.access).await?;
        let findings = findings(&cluster::read(&client, args.namespace.as_deref()).await?);
        match args.findings.output {
            FindingsOutput::Text => print::text(&screen(&findings))?,
            FindingsOutput::Json => print::json(&findings)?,
        }
        Ok(if is_healthy(&findings) { ExitCode::SUCCESS } else { ExitCode::from(UNHEALTHY) })
    })
}

/// One line per finding, and one for its fix.
fn screen(findings: &[Finding]) -> String {
    let lines = findings.iter().map(|finding| {
        let mark = match finding.level {
            Level::Ok | Level::Unknown => finding.level.as_str().to_owned(),
            Level::Warning | Level::Error => finding.level.as_str().to_uppercase(),
        };
        let message = print::printable(&finding.message);
        let fix = finding.fix.as_ref().map(|fix| format!("{:22}fix: {fix}\n", "")).unwrap_or_default();
        format!("{mark:<8} {:<12} {message}\n{fix}", finding.check.as_str())
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use sei_doctor::Check;

    use super::*;

    #[test]
    fn a_finding_is_printed_on_one_line_followed_by_its_fix() {
        let finding = |level, check, message: &str, fix: Option<&str>| Finding {
            level,
            check,
            message: message.to_owned(),
            fix: fix.map(str::to_owned),
        };
        let findings = [
            finding(Level::Ok, Check::CertManager, "cert-manager is installed", None),
            finding(Level::Unknown, Check::Permissions, "not\u{1b}[31m allowed", None),
            finding(Level::Error, Check::Crds, "seinodes.sei.io is not installed", Some("install it")),
        ];
        insta::assert_snapshot!(screen(&findings), @r"
        ok       cert-manager cert-manager is installed
        unknown  permissions  not\u{1b}[31m allowed
        ERROR    crds         seinodes.sei.io is not installed
                              fix: install it
        ");
    }
}
