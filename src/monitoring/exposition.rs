//! Figures in Prometheus' text format, version 0.0.4.

use std::fmt::Write;

#[derive(Default)]
pub struct Exposition(String);

impl Exposition {
    /// A metric and all its series, each with its labels as `name="value"` pairs.
    pub fn metric<V: Into<f64>>(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        series: impl IntoIterator<Item = (String, V)>,
    ) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in series {
            self.sample(name, &labels, value.into());
        }
    }

    /// How many were at most each of the bounds, which are milliseconds; told in seconds.
    pub fn histogram(&mut self, name: &str, help: &str, within: &[(i64, i64)], count: i64, milliseconds: i64) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} histogram");
        let seconds = |milliseconds: i64| milliseconds as f64 / 1000.0;
        for (bound, sum) in within {
            self.sample(&format!("{name}_bucket"), &label("le", &seconds(*bound).to_string()), *sum as f64);
        }
        self.sample(&format!("{name}_bucket"), &label("le", "+Inf"), count as f64);
        self.sample(&format!("{name}_sum"), "", seconds(milliseconds));
        self.sample(&format!("{name}_count"), "", count as f64);
    }

    fn sample(&mut self, name: &str, labels: &str, value: f64) {
        let _ = match labels {
            "" => writeln!(self.0, "{name} {value}"),
            labels => writeln!(self.0, "{name}{{{labels}}} {value}"),
        };
    }

    pub fn text(self) -> String {
        self.0
    }
}

pub fn label(name: &str, value: &str) -> String {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("{name}=\"{value}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_leave_its_quotes() {
        assert_eq!(label("worker", "a\"} 1\nb\\"), "worker=\"a\\\"} 1\\nb\\\\\"");
    }

    #[test]
    fn buckets_add_up_to_the_count() {
        let mut told = Exposition::default();
        told.histogram("took_seconds", "How long.", &[(10, 2), (2500, 3)], 4, 3_141);
        assert_eq!(
            told.text(),
            "# HELP took_seconds How long.\n# TYPE took_seconds histogram\ntook_seconds_bucket{le=\"0.01\"} 2\n\
             took_seconds_bucket{le=\"2.5\"} 3\ntook_seconds_bucket{le=\"+Inf\"} 4\ntook_seconds_sum 3.141\n\
             took_seconds_count 4\n"
        );
    }
}
