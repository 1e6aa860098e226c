//! Pods that are refused, each a change to the plain one.

use mcp_injector::Injection;

use crate::files::{Case, injected, pod, server, settings, yaml};

#[test]
fn each_denial_names_code_field_value_and_remedy() {
    let cases: Vec<Case> = yaml("denied.yaml");
    assert!(!cases.is_empty());
    for case in cases {
        let Injection::Deny(denial) = injected(&case.applied_to(&pod("plain"))) else {
            panic!("{}: not denied", case.name);
        };
        let said = (
            denial.code.as_str(),
            denial.field.as_str(),
            format!("{}; {}", denial.message, denial.remedy),
        );
        let expected = (
            case.code.as_deref().unwrap_or_default(),
            case.field.as_deref().unwrap_or_default(),
            case.message.clone().unwrap_or_default(),
        );
        assert_eq!(said, expected, "{}", case.name);
    }
}

#[test]
fn a_server_without_a_gateway_has_no_governed_pods() {
    let injection = mcp_injector::inject(&pod("plain"), &server("open"), &settings()).unwrap();
    let Injection::Deny(denial) = injection else {
        panic!("{injection:?}");
    };
    assert_eq!(denial.code, mcp_injector::Code::GatewayDisabled);
    assert_eq!(
        denial.to_string(),
        "GatewayDisabled: metadata.labels[mcpruntime.org/gateway]: required, while MCPServer open \
         has spec.gateway.enabled false; enable the gateway on the MCPServer, or take the label off the pod"
    );
}
