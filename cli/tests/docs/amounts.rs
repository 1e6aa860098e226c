//! `docs/bring-your-own-workload.md` has every annotation that sizes the proxy, with its bounds.

use injector::AMOUNT_ANNOTATIONS;

use super::markdown::{Page, page};

#[test]
fn every_annotation_of_the_proxys_size_is_listed_with_its_bounds() {
    let section = page("bring-your-own-workload.md").section("## The proxy's CPU and memory");
    let actual = AMOUNT_ANNOTATIONS.map(|annotation| {
        let sets = format!("{}.{}", annotation.kind, annotation.resource);
        let cells = [annotation.name, &sets, annotation.least, annotation.most];
        cells.map(|cell| format!("`{cell}`")).to_vec()
    });
    assert_eq!(Page::rows(&section), actual);
}
