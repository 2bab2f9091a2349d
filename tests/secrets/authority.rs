//! What `hacluster secrets` says and does about another authority.

use hacluster::secrets::Stage;

use super::Case;

#[test]
fn the_authority_is_replaced_once_at_a_time() {
    let case = Case::encrypted(&[]);
    let said = case.run(&["secrets", "rotate", "authority", "etcd.root"], "");
    let folder = format!("{}/", case.place.path().display());
    assert_eq!(said.code, 0, "{}", said.err);
    insta::assert_snapshot!(said.out.replace(&folder, ""), @"
    secrets.age has new values for etcd.root. The next `hacluster apply` rolls it out.
    secrets.age has the next authority. It takes three `hacluster apply`, each of which says what the next one does: hosts trust both, certificates are issued anew, hosts trust the new one only.
    ");
    let now = case.now();
    assert_eq!((now.stage(), &now.authority), (Some(Stage::Trust), &case.secrets.authority));
    assert_eq!(now.known("etcd.root").len(), 2);
    let said = case.run(&["secrets", "rotate", "authority"], "");
    assert_eq!(said.code, 1);
    insta::assert_snapshot!(said.err, @"
    error: the authority is being replaced already, 1 of 3: every host learns to trust the next one too; certificates stay
    hint: `hacluster apply` goes on with it; after the last one it can be replaced again
    ");
    assert_eq!(case.now(), now);
    let said = case.run(&["secrets", "list"], "");
    assert!(said.out.contains("every certificate of the cluster; is being replaced"), "{}", said.out);
}
