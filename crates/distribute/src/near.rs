//! Near matches: what somebody may have meant.

/// The candidate nearest to `wanted`, when one is near enough to be worth offering: at most a third of the characters
/// differ (Damerau-Levenshtein distance with adjacent transpositions), or one is the start of the other.
pub fn nearest<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (wanted.chars().count() / 3).max(1);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let prefix = wanted.len() >= 3 && candidate.starts_with(wanted);
        let distance = if prefix { 1 } else { distance(wanted, candidate, limit) };
        if distance <= limit && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

fn distance(a: &str, b: &str, limit: usize) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.to_lowercase().chars().collect(), b.to_lowercase().chars().collect());
    if a.len().abs_diff(b.len()) > limit || a.len().max(b.len()) > 1024 {
        return limit + 1;
    }
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    rows[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let substitute = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = substitute.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = least;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_is_offered_and_far_is_not() {
        assert_eq!(nearest("reprot.pdf", ["report.pdf", "other"]), Some("report.pdf"));
        assert_eq!(nearest("latets", ["latest"]), Some("latest"));
        assert_eq!(nearest("snap", ["snapshots"]), Some("snapshots"));
        assert_eq!(nearest("zzz", ["report.pdf"]), None);
    }
}
