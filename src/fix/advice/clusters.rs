//! Programs that write what a cluster's objects say: a rule by hand is gone at their next sync.

use super::{Case, Said, plain, said};

/// kube-proxy stops what has no endpoint, and sources that a load balancer is not for.
pub(super) fn service(case: &Case<'_>) -> Vec<Said> {
    let name = case.comment.split_once(" has no").and_then(|(name, _)| name.split_once('/'));
    let service = name.map(|(ns, rest)| (ns, rest.split(':').next().unwrap_or(rest)));
    if case.comment.contains("endpoint") || case.chain == "reject-chain" {
        let find = match service.filter(|(ns, svc)| plain(ns) && plain(svc)) {
            Some((ns, svc)) => format!("kubectl -n {ns} get endpointslices -l kubernetes.io/service-name={svc}"),
            None => format!("kubectl get services -A -o wide | grep -F {}", case.to()),
        };
        let why = if case.comment.contains("local endpoints") {
            "no pod of the service runs on this node, and its traffic policy is Local"
        } else {
            "no pod of the service is ready: no rule helps"
        };
        return vec![said(why, &[&find])];
    }
    if case.chain.starts_with("KUBE-FW-") || case.chain.contains("FIREWALL") || case.chain.starts_with("firewall") {
        let message = "its loadBalancerSourceRanges do not have the client, if it is a load balancer's";
        return vec![said(message, &["kubectl -n NAMESPACE edit service SERVICE"])];
    }
    Vec::new()
}

/// Network policies, whoever writes them into rules.
pub(super) fn policy(case: &Case<'_>) -> Vec<Said> {
    if case.comment.contains("Unknown interface") {
        return vec![said(
            "Felix knows no workload at that interface: its pod is gone, or calico-node has not seen it yet",
            &[],
        )];
    }
    let pod = |address: String| format!("kubectl get pods -A -o wide --field-selector status.podIP={address}");
    let (to, from) = (pod(case.to()), pod(case.from()));
    vec![said(
        format!(
            "allow it by a NetworkPolicy where the pod is: ingress from {} to {} at the pod that has {}; if a policy selects the one \
             that sends it, egress there, too",
            case.from(),
            case.service(),
            case.to()
        ),
        &[&to, &from, "kubectl -n NAMESPACE get networkpolicy"],
    )]
}
