# Mounts volumes below the folders that containers see, and takes them away again. Node has no system calls for this, and
# mount(8) cannot do it: a volume must be read-only before anybody sees it, and no path may be followed through a link.
#
# Reads one order a line, words separated by tabs, and answers each with a line: `ok`, or `error` with errno and a word
# that says where. The kernel keeps one running; at boot install.sh gives it the kept orders of each folder.
#
#   attach FOLDER NAME ro|rw SOURCE      safe to repeat: what is mounted there like this stays
#   detach FOLDER NAME whole|lazy        lazy: also while somebody has a file of it open; safe to repeat
#   clear FOLDER                         detaches all that is mounted directly in it, lazily
use strict;
use warnings;
use Errno ();
use POSIX ();

# The same numbers on every architecture, but for the last one.
my ($open_tree, $move_mount, $openat2, $mount_setattr) = (428, 429, 437, 442);
my %umount2 = (x86_64 => 166, aarch64 => 39);
my $umount = $umount2{(POSIX::uname())[4]} // die "mounter: unknown architecture\n";

my $folder_only = 0x200000 | 0x10000 | 0x80000;    # O_PATH, O_DIRECTORY, O_CLOEXEC; on arm O_DIRECTORY is another bit
$folder_only = 0x200000 | 0x4000 | 0x80000 if $umount == 39;
my $no_links = 0x2 | 0x4 | 0x8;                    # RESOLVE_NO_MAGICLINKS, NO_SYMLINKS, BENEATH
my ($clone, $cloexec, $empty_path) = (0x1, 0x80000, 0x1000);
my ($read_only, $no_setuid, $no_devices) = (0x1, 0x2, 0x4);
my $private = 0x40000;
my ($lazily, $no_follow) = (0x2, 0x8);
my $empty = '';

my @open;

$| = 1;
while (my $line = <STDIN>) {
  chomp $line;
  my ($order, @words) = split /\t/, $line, -1;
  my $done = eval {
    if    ($order eq 'attach' && @words == 4) { attach(@words) }
    elsif ($order eq 'detach' && @words == 3) { detach(@words) }
    elsif ($order eq 'clear'  && @words == 1) { clear(@words) }
    else                                      { refuse(POSIX::EINVAL(), 'order') }
    1;
  };
  my $problem = $@;
  POSIX::close($_) for splice @open;
  print $done ? "ok\n" : "error\t$problem";
}

sub attach {
  my ($folder, $name, $access, $source) = @_;
  refuse(POSIX::EINVAL(), 'access') unless $access eq 'ro' || $access eq 'rw';
  my $within = folder($folder, 'folder');
  plain($name);
  my $from = folder($source, 'source');
  mkdir("/proc/self/fd/$within/$name", 0755) || $!{EEXIST} || refuse($!, 'name');
  my $target = entry($within, $name);
  my $mounted = mount_id($target);
  if ($mounted != mount_id($within)) {
    return if same($target, $from) && access_of($mounted) eq $access;
    refuse(POSIX::EEXIST(), 'name');
  }
  my $tree = kept(syscall($open_tree, $from, $empty, $clone | $cloexec | $empty_path), 'source');
  # Private: what somebody mounts in the source later is not their business.
  my $attributes = pack('Q4', $no_setuid | $no_devices | ($access eq 'ro' ? $read_only : 0), 0, $private, 0);
  called(syscall($mount_setattr, $tree, $empty, $empty_path, $attributes, length $attributes), 'access');
  # Both ends by their open files: MOVE_MOUNT_F_EMPTY_PATH, MOVE_MOUNT_T_EMPTY_PATH.
  called(syscall($move_mount, $tree, $empty, $target, $empty, 0x4 | 0x40), 'name');
}

sub detach {
  my ($folder, $name, $how) = @_;
  my $within = folder($folder, 'folder');
  plain($name);
  take_away($within, $name, $how eq 'lazy' ? $lazily : 0);
}

sub clear {
  my ($folder) = @_;
  my $within = folder($folder, 'folder');
  opendir(my $entries, "/proc/self/fd/$within/.") || refuse($!, 'folder');
  my @names = grep { !/\A\.{1,2}\z/ && -d "/proc/self/fd/$within/$_" } readdir $entries;
  closedir $entries;
  take_away($within, $_, $lazily) for @names;
}

# Until nothing is mounted there: two can lie on top of each other.
sub take_away {
  my ($within, $name, $flags) = @_;
  my $path = "/proc/self/fd/$within/$name";
  1 while syscall($umount, $path, $flags | $no_follow) == 0;
  refuse($!, 'name') unless $!{EINVAL} || $!{ENOENT};
  rmdir $path;
}

sub plain {
  my ($name) = @_;
  refuse(POSIX::EINVAL(), 'name') unless $name =~ /\A[A-Za-z0-9][A-Za-z0-9._-]{0,62}\z/ && $name ne 'kernel.sock';
}

# Every step of the way is a folder and none a link, whatever happens to the way meanwhile.
sub folder {
  my ($path, $what) = @_;
  refuse(POSIX::EINVAL(), $what) unless $path =~ m{\A/+(?=[^/])(.+)\z}s;
  my $beneath = $1;
  my $root = kept(POSIX::open('/', POSIX::O_RDONLY()) // -1, $what);
  return opened($root, $beneath, $what);
}

sub entry { return opened($_[0], $_[1], 'name') }

sub opened {
  my ($at, $path, $what) = @_;
  my $how = pack('Q3', $folder_only, 0, $no_links);
  return kept(syscall($openat2, $at, $path, $how, length $how), $what);
}

sub same {
  my @one = stat "/proc/self/fd/$_[0]/.";
  my @other = stat "/proc/self/fd/$_[1]/.";
  return "@one[0, 1]" eq "@other[0, 1]";
}

sub mount_id {
  my ($id) = map { /^mnt_id:\s*(\d+)/ ? $1 : () } lines("/proc/self/fdinfo/$_[0]");
  return $id;
}

sub access_of {
  my ($id) = @_;
  my ($line) = grep { /^$id / } lines('/proc/self/mountinfo');
  return (split ' ', $line)[5] =~ /\bro\b/ ? 'ro' : 'rw';
}

sub lines {
  open(my $file, '<', $_[0]) || refuse($!, 'proc');
  return <$file>;
}

sub kept {
  my ($fd, $what) = @_;
  called($fd, $what);
  push @open, $fd;
  return $fd;
}

sub called { refuse($!, $_[1]) if $_[0] < 0 }

sub refuse { die(($_[0] + 0) . "\t$_[1]\n") }
