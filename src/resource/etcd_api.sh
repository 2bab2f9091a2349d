# shellcheck shell=sh
# etcd's JSON gateway by curl: passwords and tokens travel on stdin or lie in a
# 0600 file in /run that goes when the step ends, never in an argument (tests put
# it elsewhere by HAC_TMP).

# etcd_login CA IDENTITY PASSWORD ENDPOINT...: finds an endpoint that answers,
# and a token for root where authentication is on, by the first of the passwords in
# PASSWORD (a line each, as it stands in a JSON string) that etcd takes.
etcd_login() {
    etcd_break='
'
    etcd_ca=$1 etcd_identity=$2 etcd_password=$3$etcd_break
    shift 3
    umask 077
    etcd_header=$(mktemp "${HAC_TMP:-/run}/hacluster.XXXXXX")
    trap 'rm -f "$etcd_header" "$etcd_header.answer"' EXIT
    for etcd_url in "$@"; do
        etcd_call /v3/maintenance/status '{}' && break
        etcd_url=
    done
    if [ -z "$etcd_url" ]; then
        echo "no etcd member answers: $*" >&2
        return 1
    fi
    etcd_call /v3/kv/range '{"key":"AA=="}' || true
    case $etcd_answer in
    *'user name is empty'*) ;;
    *) return 0 ;;
    esac
    until [ -s "$etcd_header" ] || [ -z "$etcd_password" ]; do
        printf '{"name":"root","password":"%s"}' "${etcd_password%%"$etcd_break"*}" |
            etcd_curl /v3/auth/authenticate >"$etcd_header.answer"
        sed -n 's/.*"token": *"\([^"]*\)".*/Authorization: \1/p' "$etcd_header.answer" >"$etcd_header"
        rm -f "$etcd_header.answer"
        etcd_password=${etcd_password#*"$etcd_break"}
    done
    if [ ! -s "$etcd_header" ]; then
        echo "etcd refused root's password from the secrets file" >&2
        return 1
    fi
}

# etcd_curl PATH <body
etcd_curl() {
    curl -sS -m 10 --cacert "$etcd_ca" --cert "$etcd_identity.crt" --key "$etcd_identity.key" \
        -H @"$etcd_header" -d @- "$etcd_url$1"
}

# etcd_call PATH BODY: the answer is in etcd_answer; fails where it is an error,
# which upstream's gateway begins with "error" and Debian's with "code".
etcd_call() {
    etcd_answer=$(printf %s "$2" | etcd_curl "$1") || return 1
    case $etcd_answer in
    '{"error":'* | '{"code":'*) return 1 ;;
    esac
}

# etcd_ensure PATH BODY: as etcd_call; what is there already is fine.
etcd_ensure() {
    etcd_call "$1" "$2" && return 0
    case $etcd_answer in
    *'already exists'*) return 0 ;;
    esac
    echo "etcd $1: $etcd_answer" >&2
    return 1
}

# etcd_retry PATH BODY: up to 60 s, for what etcd refuses while it settles.
etcd_retry() {
    etcd_until=$(($(date +%s) + 60))
    until etcd_call "$1" "$2"; do
        case $etcd_answer in
        *'member not found'*) [ "$1" = /v3/cluster/member/remove ] && return 0 ;;
        esac
        if [ "$(date +%s)" -ge "$etcd_until" ]; then
            echo "etcd $1: $etcd_answer" >&2
            return 1
        fi
        sleep 0.5
    done
}

# etcd_remove ID...: takes members out, within 60 s: one that etcd refuses now may
# go once another one is out.
etcd_remove() {
    etcd_until=$(($(date +%s) + 60))
    while [ $# -gt 0 ]; do
        etcd_id=$1
        shift
        etcd_call /v3/cluster/member/remove "{\"ID\":\"$etcd_id\"}" && continue
        case $etcd_answer in
        *'member not found'*) continue ;;
        esac
        if [ "$(date +%s)" -ge "$etcd_until" ]; then
            echo "etcd member $etcd_id was not removed: $etcd_answer" >&2
            return 1
        fi
        set -- "$@" "$etcd_id"
        sleep 0.5
    done
}

# etcd_leave NAME: the member gives its vote back.
etcd_leave() {
    etcd_call /v3/cluster/member/list '{}' || {
        echo "etcd does not tell its members: $etcd_answer" >&2
        return 1
    }
    etcd_id=$(printf %s "$etcd_answer" | sed 's/{"ID"/\
&/g' | sed -n 's/^{"ID": *"\([0-9]*\)", *"name": *"'"$1"'".*/\1/p')
    [ -z "$etcd_id" ] || etcd_remove "$etcd_id"
}

# etcd_to_leader ENDPOINT...: goes on with the endpoint that leads.
etcd_to_leader() {
    for etcd_url in "$@"; do
        etcd_call /v3/maintenance/status '{}' || continue
        etcd_ids=$(printf %s "$etcd_answer" | sed -n 's/.*"member_id":"\([0-9]*\)".*"leader":"\([0-9]*\)".*/\1 \2/p')
        [ -n "$etcd_ids" ] && [ "${etcd_ids% *}" = "${etcd_ids#* }" ] && return 0
    done
    return 1
}

# etcd_promote ID ENDPOINT...: makes a learner a voter, within 60 s. Asked of the
# leader itself: what another member passes on carries no login and never succeeds.
etcd_promote() {
    etcd_id=$1
    shift
    etcd_until=$(($(date +%s) + 60))
    until etcd_to_leader "$@" && etcd_call /v3/cluster/member/promote "{\"ID\":\"$etcd_id\"}"; do
        case $etcd_answer in
        *'in sync with leader'*) ;;
        *'can only promote a learner'*) return 0 ;;
        esac
        if [ "$(date +%s)" -ge "$etcd_until" ]; then
            echo "etcd member $etcd_id was not promoted: $etcd_answer" >&2
            return 1
        fi
        sleep 0.5
    done
}

# etcd_accepts USER PASSWORD: as they stand in JSON strings.
etcd_accepts() {
    printf '{"name":"%s","password":"%s"}' "$1" "$2" | etcd_curl /v3/auth/authenticate | grep -q '"token"'
}

# etcd_password USER PASSWORD SECONDS: makes it the user's, unless it is already.
# Whoever logs in with it has SECONDS to learn it; until then their tokens are good.
etcd_password() {
    etcd_accepts "$1" "$2" && return 0
    sleep "$3"
    etcd_call /v3/auth/user/changepw "{\"name\":\"$1\",\"password\":\"$2\"}" && etcd_accepts "$1" "$2" && return 0
    echo "etcd did not take the new password of $1: $etcd_answer" >&2
    return 1
}
