# Says who has an address on a card's network (`has ADDRESS MAC`) and who is a VRRP
# router there (`vrrp ID ADDRESS MAC`), a line each. Asks as RFC 5227 does, from
# nobody, so that no machine learns anything wrong of us. Other lines: why it cannot.
# Arguments: card, seconds, address...
use strict;
use Socket;
$| = 1;
open STDERR, '>&', \*STDOUT;
my ($card, $seconds, @asked) = @ARGV;
my $rounds = 3;

sub of {
    open my $file, '<', "/sys/class/net/$card/$_[0]" or die "there is no card $card\n";
    chomp(my $value = <$file>);
    return $value;
}
my ($index, $own) = (of('ifindex'), of('address'));
(my $mac = $own) =~ tr/://d;

# packet(7): AF_PACKET is 17, an address there `struct sockaddr_ll`.
sub place { return pack 'S n i S C C a8', 17, $_[0], $index, 0, 0, 6, "\xff" x 6 }
sub listen_to {
    my ($kind) = @_;
    socket my $socket, 17, SOCK_DGRAM, unpack 'S', pack 'n', $kind or die "no packets can be read: $!\n";
    bind $socket, place($kind) or die "no packets can be read on $card: $!\n";
    return $socket;
}
my ($arp, $ip) = (listen_to(0x0806), listen_to(0x0800));

# 224.0.0.18 is VRRP's (RFC 5798); ip(7): IP_ADD_MEMBERSHIP is 35.
socket my $member, AF_INET, SOCK_DGRAM, 0 or die "no socket: $!\n";
setsockopt $member, 0, 35, pack 'a4 x4 i', inet_aton('224.0.0.18'), $index or die "not in VRRP's group: $!\n";

my %seen;
sub report { my ($line) = @_; print "$line\n" if keys %seen < 64 && !$seen{$line}++ }
sub colons { return join ':', unpack '(H2)*', $_[0] }

sub heard_arp {
    my ($packet) = @_;
    return if length $packet < 28;
    my ($from, $address) = unpack 'x8 a6 a4', $packet;
    my $name = inet_ntoa($address);
    report("has $name " . colons($from)) if colons($from) ne $own && grep { $_ eq $name } @asked;
}

sub heard_ip {
    my ($packet, $from) = @_;
    my ($kind, $mac) = unpack 'x10 C x a6', $from;
    # Not what we send ourselves (PACKET_OUTGOING).
    return if $kind == 4 || length $packet < 20 || unpack('x9 C', $packet) != 112;
    my ($type, $id) = unpack 'C C', substr $packet, 4 * (15 & unpack 'C', $packet);
    report("vrrp $id " . inet_ntoa(substr $packet, 12, 4) . ' ' . colons($mac)) if defined $id && ($type & 15) == 1;
}

for (1 .. $rounds) {
    for my $address (map { inet_aton($_) } @asked) {
        my $ask = pack 'n n C C n H12 x4 x6 a4', 1, 0x0800, 6, 4, 1, $mac, $address;
        send $arp, $ask, 0, place(0x0806) or die "nobody can be asked on $card: $!\n";
    }
    my $left = $seconds / $rounds;
    while ($left > 0) {
        my ($ready, $count) = ('', 0);
        vec($ready, fileno $_, 1) = 1 for $arp, $ip;
        ($count, $left) = select $ready, undef, undef, $left;
        next if $count < 1;
        if (vec $ready, fileno $arp, 1) { recv $arp, my $packet, 2048, 0; heard_arp($packet) }
        if (vec $ready, fileno $ip, 1) { my $from = recv $ip, my $packet, 2048, 0; heard_ip($packet, $from) }
    }
}
