use super::*;

fn settings(images: &[&str]) -> Settings {
    Settings {
        proxy_images: images.iter().map(|image| (*image).to_owned()).collect(),
        ..Settings::default()
    }
}

fn needed(images: &[&str]) -> BTreeSet<String> {
    images.iter().map(|image| (*image).to_owned()).collect()
}

#[test]
fn an_old_image_goes_once_nothing_has_needed_it_for_a_while() {
    let (mut unused, start) = (Unused::default(), Instant::now());
    let list = settings(&["new", "old", "older"]);
    let mut due = |needs: &[&str], settled, seconds| {
        let now = start + Duration::from_secs(seconds);
        unused.due(&list, &needed(needs), settled, now)
    };
    let nothing = Vec::<String>::new();
    assert_eq!(due(&["old"], true, 0), nothing);
    assert_eq!(due(&["old"], true, 29), nothing);
    assert_eq!(due(&["old"], true, 30), ["older"]);
    // A pod came back: the time begins anew.
    assert_eq!(due(&["old", "older"], true, 40), nothing);
    assert_eq!(due(&["new"], true, 50), nothing);
    assert_eq!(due(&["new"], true, 80), ["old", "older"]);
    // The webhook is being replaced.
    assert_eq!(due(&[], false, 90), nothing);
    assert_eq!(due(&[], true, 100), nothing);
}

#[test]
fn the_image_that_is_injected_stays_whether_a_pod_runs_it_or_not() {
    let (mut unused, start) = (Unused::default(), Instant::now());
    let list = settings(&["new", "new"]);
    for seconds in [0, 60, 120] {
        let now = start + Duration::from_secs(seconds);
        assert!(unused.due(&list, &needed(&[]), true, now).is_empty());
    }
}

fn policy(images: &str) -> ValidatingAdmissionPolicy {
    serde_saphyr::from_str(&format!(
        "metadata: {{ name: p, resourceVersion: \"7\" }}\n\
         spec:\n  variables:\n\
         \x20 - {{ name: images, expression: \"{images}\" }}\n\
         \x20 - {{ name: server, expression: x }}\n"
    ))
    .unwrap()
}

#[test]
fn a_policy_keeps_everything_but_the_images() {
    let patch = without(&policy("['new', 'old']"), &["old".into()]);
    let expected = json!({
        "metadata": { "resourceVersion": "7" },
        "spec": { "variables": [
            { "name": "images", "expression": "['new']" },
            { "name": "server", "expression": "x" },
        ] },
    });
    assert_eq!(patch, Some(Some(expected)));
}

#[test]
fn a_policy_whose_list_is_as_it_should_be_isnt_written() {
    assert_eq!(without(&policy("['new']"), &["old".into()]), Some(None));
}

#[test]
fn a_list_that_cant_be_read_or_would_be_empty_is_left_alone() {
    assert_eq!(without(&policy("params.images"), &["old".into()]), None);
    assert_eq!(without(&policy("['old']"), &["old".into()]), None);
}
